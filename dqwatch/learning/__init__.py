"""The losses of a training by variable, held against their own history and against one another."""
