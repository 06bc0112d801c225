"""-C and --run-tools: what is asked, how it goes on, the tools that run, what was said."""
