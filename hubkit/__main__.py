"""`python -m hubkit`."""

from hubkit.cli import main

# A process that `generate` starts imports this module under another name.
if __name__ == "__main__":
    main()
