"""Rules of feedback. Plain values in, plain values out."""
