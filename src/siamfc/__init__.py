"""Follow any object through a video from one box."""
