"""The version of Rapport. The build reads it from here, because the images contain no installed package."""

VERSION = "0.1.0"
