"""Images and labels brought together as a data set that can be published."""
