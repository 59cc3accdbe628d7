"""How missing pixels of images are filled: by what a network makes of the others, corrected by their neighbours."""
