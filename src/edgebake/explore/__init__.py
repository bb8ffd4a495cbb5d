"""Looking at what there is: why a recipe is in an image, what a name means, and the graphs."""
