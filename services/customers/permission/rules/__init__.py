"""The decisions of this area, one module per subject. Plain values in, plain values out."""
