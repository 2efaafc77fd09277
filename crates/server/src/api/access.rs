//! Signing in and out, people, keys, the audit.

use super::listing::Cut;
use super::{Page, Paging};
use crate::app::App;
use crate::ask::{Ask, Context, Id, Query, reply, usable_id};
use crate::auth::secret::{
    check_password, hash_password, random_id, random_token, sha256_hex, verify_password,
};
use crate::auth::{Via, session};
use crate::clock::wall_ms;
use crate::http::guard::Peer;
use crate::machine::{Command, Done, read};
use crate::office::{Fact, Role, Standing};
use crate::problem::Problem;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sqlx::Row;
use sqlx::any::AnyRow;
use std::sync::Arc;
use utoipa::ToSchema;
use xiangyun_store::op::{Op, Value};

/// Who signs in. Bodies of sign-in take no Idempotency-Key.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// User.
    #[schema(min_length = 1, max_length = 64)]
    pub user: String,
    /// Password.
    #[schema(max_length = 1024)]
    pub password: String,
}

/// Who somebody is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    /// User, or `key:ID`.
    pub who: String,
    /// Whom they stand for.
    pub standing: Standing,
    /// May only read.
    pub read_only: bool,
}

/// Signs in; the answer sets a session cookie.
#[utoipa::path(post, path = "/api/v1/login", tag = "access", request_body = Login, responses((status = 200, body = Me)))]
pub(super) async fn login(
    State(app): State<Arc<App>>,
    peer: Option<Extension<Peer>>,
    raw: axum::body::Bytes,
) -> Result<Response, Problem> {
    let body: Login = crate::ask::parse(&raw)?;
    let from = peer.map_or_else(String::new, |p| p.0.0.to_string());
    let a_minute = app.config.auth_rate();
    // By account and address together, so that nobody can lock another out from elsewhere; and by address.
    if !app.guard.login(&format!("{}@{from}", body.user), a_minute)
        || !app.guard.login(&from, a_minute * 10.0)
    {
        return Err(
            Problem::new(StatusCode::TOO_MANY_REQUESTS, "H611", "too many sign-ins; wait a minute").retry(60)
        );
    }
    let known = read(&app.world).office.users.get(&body.user).filter(|u| u.active).cloned();
    let hash = if known.is_some() { app.doors.credential(&format!("user/{}", body.user)) } else { None };
    let good = verify_password(body.password, hash).await?;
    let Some(user) = known.filter(|_| good) else {
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "H603", "user or password is wrong"));
    };
    let (reference, op) = app.doors.open(&app.code, &body.user);
    let who = body.user.clone();
    let audit = crate::machine::Audit {
        who: who.clone(),
        role: user.standing.role.word().into(),
        action: "sign in".into(),
        resource: format!("user/{who}"),
        from,
        request: String::new(),
    };
    let work = Box::new(move |_: &crate::machine::World, _: i64| {
        Ok(Done::new(StatusCode::OK, serde_json::Value::Null).rows(vec![op]))
    });
    app.send(Command { work, audit: Some(audit), expects: None, remember: None }).await?;
    let mut response = reply(StatusCode::OK, &Me { who, standing: user.standing, read_only: false });
    let cookie = session::cookie(&reference, app.secure(), app.config.auth.session_hours * 3_600);
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    Ok(response)
}

/// Signs out.
#[utoipa::path(post, path = "/api/v1/logout", tag = "access", responses((status = 204)))]
pub(super) async fn logout(State(app): State<Arc<App>>, context: Context) -> Result<Response, Problem> {
    if let Via::Session(hash) = &context.caller.via {
        let op = app.doors.close(&app.code, hash);
        app.act(&context, "sign out", "session", move |_, _| {
            Ok(Done::new(StatusCode::NO_CONTENT, serde_json::Value::Null).rows(vec![op]))
        })
        .await?;
    }
    let mut response = reply(StatusCode::NO_CONTENT, &());
    let cookie = session::cookie("", app.secure(), 0);
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    Ok(response)
}

/// Who is asking.
#[utoipa::path(get, path = "/api/v1/me", tag = "access", responses((status = 200, body = Me)))]
pub(super) async fn me(context: Context) -> Response {
    let c = context.caller;
    reply(StatusCode::OK, &Me { who: c.who, standing: c.standing, read_only: c.read_only })
}

/// A person who may sign in.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserView {
    /// User.
    pub user: String,
    /// Name to show.
    pub name: String,
    /// Whom they stand for.
    pub standing: Standing,
    /// Whether they may sign in.
    pub active: bool,
}

/// All users.
#[utoipa::path(get, path = "/api/v1/users", tag = "access", responses((status = 200, body = Page<UserView>)))]
pub(super) async fn users(State(app): State<Arc<App>>) -> Response {
    let world = read(&app.world);
    let items = world
        .office
        .users
        .iter()
        .map(|(id, u)| UserView {
            user: id.clone(),
            name: u.name.clone(),
            standing: u.standing.clone(),
            active: u.active,
        })
        .collect();
    reply(StatusCode::OK, &Page::whole(items))
}

/// A user to add or change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserBody {
    /// User: 1 to 64 letters, digits, `.`, `-`, `_`.
    #[schema(min_length = 1, max_length = 64, pattern = "^[A-Za-z0-9._-]{1,64}$")]
    pub user: String,
    /// Name to show.
    #[schema(max_length = 100)]
    pub name: String,
    /// Whom they stand for.
    pub standing: Standing,
    /// New password, 12 to 128 characters; needed for a new user.
    #[schema(max_length = 1024)]
    pub password: Option<String>,
    /// Whether they may sign in.
    #[serde(default = "yes")]
    pub active: bool,
}

const fn yes() -> bool {
    true
}

/// Whether a standing names what its role needs, all of it in the county.
fn check_standing(app: &App, s: &Standing) -> Result<(), Problem> {
    let county = &app.county;
    let known = |carrier: &str| county.carriers.iter().any(|c| c.id.as_str() == carrier);
    let vehicle = |id: &str| county.vehicles.iter().any(|v| v.id.as_str() == id);
    if let Some(site) = &s.site
        && app.site(site).is_none()
    {
        return Err(Problem::value("/standing/site", site, "an id of sites.csv"));
    }
    if let Some(carrier) = s.carrier.as_deref().filter(|c| !known(c)) {
        return Err(Problem::value("/standing/carrier", carrier, "an id of carriers.csv"));
    }
    if let Some(id) = s.vehicle.as_deref().filter(|v| !vehicle(v)) {
        return Err(Problem::value("/standing/vehicle", id, "an id of vehicles.csv"));
    }
    let missing = match s.role {
        Role::Carrier if s.carrier.is_none() => Some("carrier"),
        Role::Station | Role::Keeper | Role::Producer if s.site.is_none() => Some("site"),
        Role::Driver if s.vehicle.is_none() => Some("vehicle"),
        _ => None,
    };
    match missing {
        None => Ok(()),
        Some(what) => Err(Problem::value(
            format!("/standing/{what}"),
            "",
            format!("a {} stands for a {what}", s.role.word()),
        )),
    }
}

/// Adds or changes a user; a new password ends their sessions.
#[utoipa::path(post, path = "/api/v1/users", tag = "access", request_body = UserBody, responses((status = 200, body = UserView)))]
pub(super) async fn save_user(State(app): State<Arc<App>>, ask: Ask<UserBody>) -> Result<Response, Problem> {
    let UserBody { user, name, standing, password, active } = ask.value;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    if !(1..=64).contains(&user.len()) || !user.bytes().all(plain) {
        return Err(Problem::value("/user", &user, "1 to 64 letters, digits, full stops, hyphens"));
    }
    if name.chars().count() > 100 || name.chars().any(char::is_control) {
        return Err(Problem::value("/name", &name, "up to 100 characters"));
    }
    check_standing(&app, &standing)?;
    let mut ops = Vec::new();
    if let Some(password) = password {
        check_password(&password)?;
        let secret = hash_password(password).await?;
        ops.push(credential(&app.code, &format!("user/{user}"), &secret));
        ops.push(app.doors.close_all(&app.code, &user));
        app.doors.keep(&format!("user/{user}"), &secret);
    } else if app.doors.credential(&format!("user/{user}")).is_none() {
        return Err(Problem::value("/password", "", "a password for a new user"));
    }
    if !active {
        ops.push(app.doors.close_all(&app.code, &user));
    }
    let resource = format!("user/{user}");
    let by = ask.context.caller.who.clone();
    app.act(&ask.context, "save user", &resource, move |world, _| {
        let last_admin = world
            .office
            .users
            .iter()
            .filter(|(_, u)| u.active && u.standing.role == Role::Admin)
            .all(|(id, _)| *id == user);
        if world.office.has_admin() && last_admin && (!active || standing.role != Role::Admin) && by == user {
            return Err(Problem::conflict("the last administrator cannot be taken away"));
        }
        let body = json!({ "user": user, "name": name, "standing": standing, "active": active });
        Ok(Done::new(StatusCode::OK, body).with([Fact::UserSaved { user, name, standing, active }]).rows(ops))
    })
    .await
}

/// The row of a secret.
pub(super) fn credential(county: &str, name: &str, secret: &str) -> Op {
    Op::new(
        "INSERT INTO credential (county, name, secret) VALUES ($1, $2, $3) \
         ON CONFLICT (county, name) DO UPDATE SET secret = excluded.secret",
        vec![Value::Text(county.to_owned()), Value::Text(name.to_owned()), Value::Text(secret.to_owned())],
    )
}

/// A key for a program.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyView {
    /// Its id.
    pub key: String,
    /// What it is for.
    pub label: String,
    /// Whom it stands for.
    pub standing: Standing,
    /// May only read.
    pub read_only: bool,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires: jiff::Timestamp,
    /// Whether it was withdrawn.
    pub revoked: bool,
    /// The key itself, shown once when it is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

/// All keys.
#[utoipa::path(get, path = "/api/v1/keys", tag = "access", responses((status = 200, body = Page<KeyView>)))]
pub(super) async fn keys(State(app): State<Arc<App>>) -> Response {
    let world = read(&app.world);
    let items = world
        .office
        .keys
        .iter()
        .map(|(id, k)| KeyView {
            key: id.clone(),
            label: k.label.clone(),
            standing: k.standing.clone(),
            read_only: k.read_only,
            expires: super::instant(k.expires_ms),
            revoked: k.revoked,
            secret: None,
        })
        .collect();
    reply(StatusCode::OK, &Page::whole(items))
}

/// A key to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyBody {
    /// What it is for.
    #[schema(min_length = 1, max_length = 100)]
    pub label: String,
    /// Whom it stands for.
    pub standing: Standing,
    /// May only read.
    #[serde(default)]
    pub read_only: bool,
    /// Days until it ends, 1 to 730.
    #[schema(minimum = 1, maximum = 730)]
    pub days: i64,
}

/// Makes a key; it is shown in this answer only.
#[utoipa::path(post, path = "/api/v1/keys", tag = "access", request_body = KeyBody, responses((status = 201, body = KeyView)))]
pub(super) async fn make_key(State(app): State<Arc<App>>, ask: Ask<KeyBody>) -> Result<Response, Problem> {
    let KeyBody { label, standing, read_only, days } = ask.value;
    if !(1..=730).contains(&days) {
        return Err(Problem::value("/days", &days.to_string(), "1 to 730"));
    }
    if !(1..=100).contains(&label.chars().count()) || !usable_id(&label) {
        return Err(Problem::value("/label", &label, "1 to 100 characters"));
    }
    check_standing(&app, &standing)?;
    let (key, secret) = (random_id(), random_token());
    let hash = sha256_hex(secret.as_bytes());
    let name = format!("key/{key}");
    let expires_ms = wall_ms() + days * 86_400_000;
    let ops = vec![credential(&app.code, &name, &hash)];
    app.doors.keep(&name, &hash);
    // The key is in this answer alone: the kept answer of an Idempotency-Key would keep it too.
    let mut context = ask.context;
    context.key = None;
    let view = KeyView {
        key: key.clone(),
        label: label.clone(),
        standing: standing.clone(),
        read_only,
        expires: super::instant(expires_ms),
        revoked: false,
        secret: Some(format!("xy_{key}_{secret}")),
    };
    let body = serde_json::to_value(&view).map_err(|e| Problem::internal(&e))?;
    app.act(&context, "make key", &name, move |_, _| {
        let fact = Fact::KeyMade { key, label, standing, read_only, expires_ms };
        Ok(Done::new(StatusCode::CREATED, body).with([fact]).rows(ops))
    })
    .await
}

/// Withdraws a key.
#[utoipa::path(delete, path = "/api/v1/keys/{id}", tag = "access", params(("id" = String, Path, description = "Key")), responses((status = 204)))]
pub(super) async fn revoke_key(
    State(app): State<Arc<App>>,
    Id(id): Id,
    context: Context,
) -> Result<Response, Problem> {
    app.act(&context, "revoke key", &format!("key/{id}"), move |world, _| {
        if !world.office.keys.contains_key(&id) {
            return Err(Problem::not_found("key", &id));
        }
        Ok(Done::new(StatusCode::NO_CONTENT, serde_json::Value::Null).with([Fact::KeyRevoked { key: id }]))
    })
    .await
}

/// Somebody did something.
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditView {
    /// Number in the log; the events it led to follow it.
    pub seq: i64,
    /// When, by the wall clock.
    #[schema(value_type = String, format = DateTime)]
    pub at: jiff::Timestamp,
    /// Who.
    pub who: String,
    /// Role.
    pub role: String,
    /// What.
    pub action: String,
    /// With what.
    pub resource: String,
    /// From where.
    pub from: String,
    /// Request id.
    pub request: String,
}

/// The audit, oldest first; it is part of the hash chain.
#[utoipa::path(get, path = "/api/v1/audit", tag = "access", params(Paging), responses((status = 200, body = Page<AuditView>)))]
pub(super) async fn audit(
    State(app): State<Arc<App>>,
    Query(paging): Query<Paging>,
) -> Result<Response, Problem> {
    const SQL: &str = "SELECT seq, wall_ms, who, role, action, resource, from_address, request FROM audit \
        WHERE county = $1 AND seq > $2 ORDER BY seq LIMIT $3";
    let view = |r: &AnyRow| {
        Ok(AuditView {
            seq: r.try_get("seq")?,
            at: super::instant(r.try_get("wall_ms")?),
            who: r.try_get("who")?,
            role: r.try_get("role")?,
            action: r.try_get("action")?,
            resource: r.try_get("resource")?,
            from: r.try_get("from_address")?,
            request: r.try_get("request")?,
        })
    };
    let page = Cut::by_seq(&paging)?.page(&app, SQL, None, view, |i| i.seq.to_string()).await?;
    Ok(reply(StatusCode::OK, &page))
}
