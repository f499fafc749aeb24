-- Expand: the new column is filled and kept filled. The old one stays until no release reads it any more.
ALTER TABLE accounts ADD COLUMN full_name text;
UPDATE accounts SET full_name = name;

CREATE FUNCTION full_name_of_account() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.full_name := coalesce(NEW.full_name, NEW.name);
    RETURN NEW;
END $$;
CREATE TRIGGER full_name_of_account BEFORE INSERT OR UPDATE ON accounts
    FOR EACH ROW EXECUTE FUNCTION full_name_of_account();
