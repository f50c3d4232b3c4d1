"""The compact encoder: one small transformer that reads image, box and text tokens, trained by this project."""
