//! Signing in.

use super::{both, page};
use axum::response::Response;
use maud::html;

/// The form.
pub(super) async fn show() -> Response {
    let body = html! {
        main.sign-in {
            h1 { "乡运 " small.en { "Xiangyun" } }
            form #form {
                label { (both("用户", "user")) input #user autocomplete="username" autofocus; }
                label { (both("密码", "password")) input #password type="password" autocomplete="current-password"; }
                button type="submit" { (both("登录", "sign in")) }
            }
            p #answer role="status" {}
        }
    };
    page("登录", "sign in", Some("sign_in.js"), &body)
}
