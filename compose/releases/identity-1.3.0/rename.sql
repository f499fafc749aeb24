-- Names are kept as they sort from now on, so the column shall not be taken for what is shown.
ALTER TABLE accounts RENAME COLUMN name TO full_name;
