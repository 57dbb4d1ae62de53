"""Files behind one interface, wherever they lie: a local path, `s3://bucket/prefix`, or http(s). See `base.Store`."""
