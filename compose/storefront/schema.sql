-- The store of the storefront. Money in cents, times in UTC.
CREATE TABLE stock (
    product  integer PRIMARY KEY,
    quantity integer NOT NULL CHECK (quantity >= 0),
    -- Units that aren't on sale: a game day makes a product scarce.
    withheld integer NOT NULL DEFAULT 0 CHECK (withheld >= 0)
);

CREATE TABLE accounts (
    id            integer PRIMARY KEY,
    name          text  NOT NULL,
    email         text  NOT NULL,
    home_region   text  NOT NULL,
    salt          bytea NOT NULL,
    password_hash bytea NOT NULL
);

-- The id is the caller's idempotency key; items and contact are kept as they were when the order was placed.
CREATE TABLE orders (
    id          text PRIMARY KEY,
    user_id     integer     NOT NULL,
    status      text        NOT NULL CHECK (status IN ('pending', 'paid', 'failed')),
    total_cents bigint      NOT NULL,
    placed_at   timestamptz NOT NULL,
    region      text        NOT NULL,
    items       json        NOT NULL,
    contact     json        NOT NULL
);

CREATE TABLE usage (
    region  text    NOT NULL,
    day     date    NOT NULL,
    service text    NOT NULL,
    cents   integer NOT NULL,
    PRIMARY KEY (region, day, service)
);
