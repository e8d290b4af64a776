//! How a connection is opened.

use super::client::{Client, Via, Wire};
use super::server::TestServer;
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};

/// A WebSocket that is about to be opened.
pub struct Upgrade {
    address: SocketAddr,
    path: String,
    via: Via,
    headers: Vec<(&'static str, String)>,
}

impl Upgrade {
    /// Offers subprotocols instead of the one that goes with the client.
    pub fn offering(mut self, protocols: &str) -> Self {
        self.headers.retain(|(name, _)| *name != "sec-websocket-protocol");
        if !protocols.is_empty() {
            self.headers.push(("sec-websocket-protocol", protocols.to_owned()));
        }
        self
    }

    /// Brings a header.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Brings a token as a subprotocol.
    pub fn bearer(self, token: &str) -> Self {
        let offered = format!("{}, bearer.{token}", self.via.subprotocol());
        self.offering(&offered)
    }

    /// Opens it, with the subprotocol that the server chose; or the status of the server's refusal.
    pub async fn open(self) -> Result<(Client, Option<String>), u16> {
        let Self { address, path, via, headers } = self;
        let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().append(HeaderName::from_static(name), HeaderValue::from_str(&value).unwrap());
        }
        let stream = TcpStream::connect(address).await.unwrap();
        match tokio_tungstenite::client_async(request, stream).await {
            Ok((socket, response)) => {
                let chosen = response.headers().get("sec-websocket-protocol");
                let chosen = chosen.map(|protocol| protocol.to_str().unwrap().to_owned());
                Ok((Client::new(Wire::Ws(Box::new(socket)), via), chosen))
            }
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(Error::Protocol(ProtocolError::SecWebSocketSubProtocolError(error))) => {
                panic!("the server chose a subprotocol that it must not choose: {error}")
            }
            Err(error) => panic!("{error}"),
        }
    }
}

impl TestServer {
    /// A WebSocket to a project, without a token yet.
    pub fn upgrade(&self, project: &str, via: Via) -> Upgrade {
        let headers = vec![("sec-websocket-protocol", via.subprotocol().to_owned())];
        Upgrade { address: self.addresses.http, path: format!("/ws/{project}"), via, headers }
    }

    /// A connection on which nobody has signed in: a WebSocket to the project, or TCP.
    pub async fn stranger(&self, project: &str, via: Via) -> Client {
        if matches!(via, Via::TcpJson | Via::TcpMsgPack) {
            let stream = TcpStream::connect(self.addresses.tcp.unwrap()).await.unwrap();
            return Client::new(Wire::Tcp { stream, buffer: Vec::new() }, via);
        }
        let (client, chosen) = self.upgrade(project, via).open().await.unwrap();
        assert_eq!(chosen.as_deref(), Some(via.subprotocol()));
        client
    }
}
