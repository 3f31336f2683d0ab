"""What `scripts/train_parser.py` is made of: trees, treebank conversion, generated trees, scores."""
