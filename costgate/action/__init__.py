"""The GitHub Action: gathers the facts of an event, asks the gate, publishes the verdict.

Everything of the pull request is data here: commits are fetched as objects, nothing of them is checked out or run.
"""
