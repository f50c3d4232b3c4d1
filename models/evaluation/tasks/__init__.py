"""From what a data set says to the questions that are asked: one file for each of the six kinds."""
