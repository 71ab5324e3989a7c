"""The dataset format: multi-resolution TFRecords and the manifest beside them."""
