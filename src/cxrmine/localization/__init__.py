"""Localization: heat maps of a classifier, and the boxes drawn from them."""
