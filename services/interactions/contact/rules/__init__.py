"""The vocabularies and computations of contact. Plain values in, plain values out."""
