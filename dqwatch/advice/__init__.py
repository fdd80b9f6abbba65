"""From weights, statistics and drift to advice: loss shares, suggested loss weights and learning rate, anemoi YAML."""
