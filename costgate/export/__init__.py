"""Exports of prices and charges for other tools: values in, text out."""
