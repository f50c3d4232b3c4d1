"""A loopback XYZ server that can be told to fail, and QGIS layers of it."""

from __future__ import annotations

import contextlib
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from qgis.core import QgsRasterLayer
from qgis.PyQt.QtCore import QBuffer
from qgis.PyQt.QtGui import QColor, QImage

SIDE = 256


def png(image):
    """A QImage as the bytes of a PNG."""
    buffer = QBuffer()
    buffer.open(QBuffer.OpenModeFlag.WriteOnly)
    image.save(buffer, "PNG")
    return bytes(buffer.data())


class TileServer:
    """A loopback XYZ server. ``answer(z, x, y, n)`` gives bytes of a PNG, an HTTP status, "drop" or "garbage"; n counts asks."""

    def __init__(self):
        self.asked = {}
        self.answer = lambda z, x, y, n: self.tile(x, y)
        self.name = uuid.uuid4().hex  # QGIS keeps tiles by their address, and a port may be had twice
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                z, x, y = (int(part) for part in self.path.split("?")[0].split(".")[0].split("/")[-3:])
                with outer._lock:
                    asked = outer.asked[(z, x, y)] = outer.asked.get((z, x, y), 0) + 1
                what = outer.answer(z, x, y, asked)
                if what == "drop":
                    self.connection.close()
                    return
                if isinstance(what, int):
                    self.send_error(what)
                    return
                body = b"not a picture" if what == "garbage" else what
                self.send_response(200)
                self.send_header("Content-Type", "image/png")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # QGIS may hang up when a drawing is stopped
                    self.wfile.write(body)

            def log_message(self, *args):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @staticmethod
    def colour(x, y):
        """Every tile has a colour of its own."""
        return ((x * 37) % 200 + 40, (y * 53) % 200 + 40, 120)

    def tile(self, x, y):
        image = QImage(SIDE, SIDE, QImage.Format.Format_ARGB32)
        image.fill(QColor(*self.colour(x, y)))
        return png(image)

    def layer(self, zmax=19):
        source = (
            f"type=xyz&url=http://127.0.0.1:{self.server.server_port}/{self.name}/%7Bz%7D/%7Bx%7D/%7By%7D.png&zmax={zmax}&zmin=0"
        )
        return QgsRasterLayer(source, "tiles", "wms")

    def close(self):
        self.server.shutdown()
        self.server.server_close()
