"""The recipes that come with cxrmine, one YAML file each."""
