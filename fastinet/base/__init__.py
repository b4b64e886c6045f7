"""What every package needs and none owns: checks of arguments, CPUs, progress, warnings, texts."""
