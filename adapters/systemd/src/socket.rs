//! The socket that the service manager listens to.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// How long a message may wait for room in the manager's queue.
const PATIENCE: Duration = Duration::from_millis(200);

pub(crate) struct Socket {
    socket: UnixDatagram,
    to: SocketAddr,
}

impl Socket {
    /// For a thread of its own, which may wait, though not for long: a stop waits for it.
    pub(crate) fn waiting(name: &OsStr) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(PATIENCE))?;
        Ok(Self { socket, to: address(name)? })
    }

    /// For the loop, which must not: what finds no room is lost, and said again at the next turn.
    pub(crate) fn not_waiting(name: &OsStr) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, to: address(name)? })
    }

    /// That nobody reads it is no failure of this program: sd_notify(3) says to go on.
    pub(crate) fn send(&self, message: &str) {
        let _ = self.socket.send_to_addr(message.as_bytes(), &self.to);
    }
}

fn address(name: &OsStr) -> io::Result<SocketAddr> {
    match name.as_bytes() {
        [b'/', ..] => SocketAddr::from_pathname(name),
        #[cfg(target_os = "linux")]
        [b'@', name @ ..] => {
            use std::os::linux::net::SocketAddrExt;
            SocketAddr::from_abstract_name(name)
        }
        _ => {
            let text = format!("NOTIFY_SOCKET names no socket of a known form: {name:?}");
            Err(io::Error::new(io::ErrorKind::Unsupported, text))
        }
    }
}
