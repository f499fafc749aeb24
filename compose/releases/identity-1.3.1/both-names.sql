-- After the rename of identity-1.3.0: the old column beside the new one, so that old and new code both find theirs.
ALTER TABLE accounts ADD COLUMN name text GENERATED ALWAYS AS (full_name) STORED;
