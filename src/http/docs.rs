//! `/docs`: a page on which the API can be read and tried. It loads nothing from elsewhere, and its policy holds it to that.

use actix_web::http::header;
use actix_web::middleware::DefaultHeaders;
use actix_web::{HttpResponse, web};
use utoipa_swagger_ui::{Config, SwaggerUi};

/// Where the description of the API is.
pub const DESCRIPTION: &str = "/api/v1/openapi.json";
/// The page is made of its own files, and calls this server only. Its styles are partly inline, its icons are `data:`.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Adds the page.
pub fn configure(config: &mut web::ServiceConfig) {
    // Its badge would ask a validator elsewhere.
    let page = Config::from(DESCRIPTION).validator_url("none");
    let headers = DefaultHeaders::new()
        .add((header::CONTENT_SECURITY_POLICY, POLICY))
        .add((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .add((header::REFERRER_POLICY, "no-referrer"));
    // Its files have relative names, so it has to end with a slash.
    let moved = async || HttpResponse::PermanentRedirect().insert_header((header::LOCATION, "/docs/")).finish();
    config
        .service(web::resource("/docs").get(moved))
        .service(web::scope("/docs").wrap(headers).service(SwaggerUi::new("/{_:.*}").config(page)));
}
