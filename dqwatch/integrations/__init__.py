"""dqwatch inside other programs: plug-ins that they find by entry point."""
