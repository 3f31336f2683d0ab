"""``python -m cxrmine COMMAND``."""

from cxrmine.cli.main import main

if __name__ == "__main__":
    main()
