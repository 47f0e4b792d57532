"""What StackStorm's sensor of the pack `linux` reads files with."""
