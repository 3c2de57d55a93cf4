"""Labels, losses, schedule, loop and recipes."""
