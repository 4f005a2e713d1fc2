//! A page of another site must not speak for a device (requirement W4). Native clients
//! send no `Origin`, and neither does a browser that reads from its own.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use relais_wire::RefusalCode;

use crate::app::App;
use crate::error::Refused;

/// Refuses what was sent by a page of any origin but the server's own.
pub async fn check(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Result<Response, Refused> {
    let from = request.headers().get(header::ORIGIN);
    let ours = |from| app.origin.as_deref().is_some_and(|ours| from == ours);
    if from.is_none_or(ours) {
        Ok(next.run(request).await)
    } else {
        Err(RefusalCode::Forbidden.into())
    }
}
