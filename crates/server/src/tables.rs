//! Read models: plain tables that county staff can query with any SQL tool. `docs/operations.md` describes them. All
//! times are UTC milliseconds, all money fen.

/// Definitions; `{big}` and `{blob}` are the dialect's words.
pub const TABLES: &str = "
CREATE TABLE IF NOT EXISTS orders (
    county TEXT NOT NULL, id TEXT NOT NULL, direction TEXT NOT NULL, carrier TEXT NOT NULL, origin TEXT NOT NULL,
    destination TEXT NOT NULL, class TEXT NOT NULL, pieces {big} NOT NULL, mass_g {big} NOT NULL,
    volume_cm3 {big} NOT NULL, promise_ms {big} NOT NULL, status TEXT NOT NULL, phase TEXT NOT NULL,
    holder_kind TEXT NOT NULL, holder TEXT NOT NULL, site TEXT NOT NULL, cash_fen {big} NOT NULL, unit TEXT,
    placed_ms {big} NOT NULL, changed_ms {big} NOT NULL, closed_ms {big}, seq {big} NOT NULL,
    PRIMARY KEY (county, id));
CREATE INDEX IF NOT EXISTS orders_by_holder ON orders (county, holder_kind, holder, id);
CREATE INDEX IF NOT EXISTS orders_by_carrier ON orders (county, carrier, id);
CREATE TABLE IF NOT EXISTS trace (
    county TEXT NOT NULL, order_id TEXT NOT NULL, seq {big} NOT NULL, at_ms {big} NOT NULL, kind TEXT NOT NULL,
    status TEXT NOT NULL, holder TEXT NOT NULL, site TEXT NOT NULL, PRIMARY KEY (county, order_id, seq));
CREATE TABLE IF NOT EXISTS stops (
    county TEXT NOT NULL, visit TEXT NOT NULL, trip TEXT NOT NULL, vehicle TEXT NOT NULL, driver TEXT,
    site TEXT NOT NULL, position {big} NOT NULL, planned_arrive_ms {big} NOT NULL, planned_depart_ms {big} NOT NULL,
    latest_ms {big} NOT NULL, phase TEXT NOT NULL, arrived_ms {big}, left_ms {big}, unload_orders {big} NOT NULL,
    load_orders {big} NOT NULL, seq {big} NOT NULL, PRIMARY KEY (county, visit));
CREATE INDEX IF NOT EXISTS stops_by_vehicle ON stops (county, vehicle, planned_arrive_ms);
CREATE TABLE IF NOT EXISTS handovers (
    county TEXT NOT NULL, id TEXT NOT NULL, site TEXT NOT NULL, giver TEXT NOT NULL, receiver TEXT NOT NULL,
    visit TEXT, expected {big} NOT NULL, moved {big} NOT NULL, missing {big} NOT NULL, extra {big} NOT NULL,
    confirmed {big} NOT NULL, confirmed_by TEXT, at_ms {big} NOT NULL, seq {big} NOT NULL, PRIMARY KEY (county, id));
CREATE TABLE IF NOT EXISTS exceptions (
    county TEXT NOT NULL, id TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, in_charge TEXT,
    evidence TEXT NOT NULL, price_fen {big} NOT NULL, raised_ms {big} NOT NULL, closed_ms {big}, how TEXT,
    acted {big}, seq {big} NOT NULL, PRIMARY KEY (county, id));
CREATE INDEX IF NOT EXISTS exceptions_by_close ON exceptions (county, closed_ms);
CREATE TABLE IF NOT EXISTS repairs (
    county TEXT NOT NULL, id TEXT NOT NULL, exception_id TEXT NOT NULL, price_fen {big} NOT NULL,
    lateness_s {big} NOT NULL, moved_stops {big} NOT NULL, offered_ms {big} NOT NULL, accepted_ms {big},
    accepted_by TEXT, PRIMARY KEY (county, id));
CREATE INDEX IF NOT EXISTS repairs_by_exception ON repairs (county, exception_id);
CREATE TABLE IF NOT EXISTS cash (
    county TEXT NOT NULL, seq {big} NOT NULL, holder TEXT NOT NULL, kind TEXT NOT NULL, order_id TEXT, fen {big} NOT NULL,
    expected_fen {big}, method TEXT, by_whom TEXT, at_ms {big} NOT NULL, PRIMARY KEY (county, seq));
CREATE TABLE IF NOT EXISTS claims (
    county TEXT NOT NULL, id TEXT NOT NULL, order_id TEXT NOT NULL, cause TEXT NOT NULL, asked_fen {big} NOT NULL,
    paid_fen {big}, payer TEXT, opened_ms {big} NOT NULL, settled_ms {big}, PRIMARY KEY (county, id));
CREATE TABLE IF NOT EXISTS plans (
    county TEXT NOT NULL, id TEXT NOT NULL, date TEXT NOT NULL, base TEXT, origin TEXT NOT NULL, orders {big} NOT NULL,
    served {big} NOT NULL, cost_fen {big} NOT NULL, summary TEXT NOT NULL, taken_ms {big} NOT NULL,
    published_ms {big}, seq {big} NOT NULL, PRIMARY KEY (county, id));
CREATE TABLE IF NOT EXISTS messages (
    county TEXT NOT NULL, id TEXT NOT NULL, vehicle TEXT NOT NULL, direction TEXT NOT NULL, text TEXT NOT NULL,
    state TEXT NOT NULL, by_whom TEXT, at_ms {big} NOT NULL, seq {big} NOT NULL, PRIMARY KEY (county, id));
CREATE TABLE IF NOT EXISTS notices (
    county TEXT NOT NULL, id TEXT NOT NULL, order_id TEXT NOT NULL, template TEXT NOT NULL, state TEXT NOT NULL,
    not_before_ms {big} NOT NULL, at_ms {big} NOT NULL, seq {big} NOT NULL, PRIMARY KEY (county, id));
CREATE TABLE IF NOT EXISTS users (
    county TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, role TEXT NOT NULL, carrier TEXT, site TEXT,
    vehicle TEXT, active {big} NOT NULL, seq {big} NOT NULL, PRIMARY KEY (county, id));
CREATE TABLE IF NOT EXISTS audit (
    county TEXT NOT NULL, seq {big} NOT NULL, wall_ms {big} NOT NULL, who TEXT NOT NULL, role TEXT NOT NULL,
    action TEXT NOT NULL, resource TEXT NOT NULL, from_address TEXT NOT NULL, request TEXT NOT NULL,
    PRIMARY KEY (county, seq));
CREATE TABLE IF NOT EXISTS alarms (
    county TEXT NOT NULL, seq {big} NOT NULL, at_ms {big} NOT NULL, kind TEXT NOT NULL, text_zh TEXT NOT NULL,
    text_en TEXT NOT NULL, PRIMARY KEY (county, seq));
CREATE TABLE IF NOT EXISTS segments (
    county TEXT NOT NULL, segment TEXT NOT NULL, from_ms {big} NOT NULL, to_ms {big} NOT NULL, positions {big} NOT NULL,
    hash TEXT NOT NULL, seq {big} NOT NULL, PRIMARY KEY (county, segment));
";

/// Tables that are no folds: they belong to commands and are kept by a rebuild.
pub const OWN: &str = "
CREATE TABLE IF NOT EXISTS idempotency (
    county TEXT NOT NULL, subject TEXT NOT NULL, name TEXT NOT NULL, hash {blob} NOT NULL, status {big} NOT NULL,
    body TEXT NOT NULL, at_ms {big} NOT NULL, PRIMARY KEY (county, subject, name));
CREATE INDEX IF NOT EXISTS idempotency_by_age ON idempotency (at_ms);
CREATE TABLE IF NOT EXISTS credential (
    county TEXT NOT NULL, name TEXT NOT NULL, secret TEXT NOT NULL, PRIMARY KEY (county, name));
CREATE TABLE IF NOT EXISTS session (
    county TEXT NOT NULL, hash TEXT NOT NULL, user_id TEXT NOT NULL, created_ms {big} NOT NULL,
    PRIMARY KEY (county, hash));
";

/// Empties the read models before a rebuild.
pub const CLEAR: &[&str] = &[
    "DELETE FROM orders",
    "DELETE FROM trace",
    "DELETE FROM stops",
    "DELETE FROM handovers",
    "DELETE FROM exceptions",
    "DELETE FROM repairs",
    "DELETE FROM cash",
    "DELETE FROM claims",
    "DELETE FROM plans",
    "DELETE FROM messages",
    "DELETE FROM notices",
    "DELETE FROM users",
    "DELETE FROM audit",
    "DELETE FROM alarms",
    "DELETE FROM segments",
];
