"""One file a family of networks; each is found by being here (see `registry`)."""
