"""One interface for files in a local folder, in a bucket (`s3://bucket/prefix`) or behind http(s). See `base.Store`."""
