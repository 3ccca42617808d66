"""Floor 1: engines that run on this machine, one file per family; the file name is the first half of every id in it."""
