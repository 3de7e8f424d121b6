"""Alignment training: the LightningModule, its schedule, and what it leaves behind."""
