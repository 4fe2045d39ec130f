//! What lies under the REST API: sockets, HTTP and TLS, with bounds on everything a stranger can hold on to.
//!
//! The only crate of the facade that accepts connections or handles certificates. It knows nothing of what it serves; who a
//! client's certificate says it is goes along with each request, as [`Certified`].

mod certificate;
mod server;
mod stall;
pub mod tls;

pub use certificate::Certified;
pub use server::serve;
