"""What deep learning is used for, each as a workload small enough that a comparison of optimizers ends on a laptop.

A file defines a function of its own name, whose settings make a problem: `clothes(width=32)`.
"""
