<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
    <context>
        <name>GeoLoupe</name>
        <message>
            <location filename="../../plugin/bridge/asking.py" />
            <source>The layer of this place is not in the project any more: add it again.</source>
            <translation>Der Layer dieses Orts ist nicht mehr im Projekt: fügen Sie ihn wieder hinzu.</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/crs.py" />
            <source>This area cannot be placed in {crs}: choose an area inside it.</source>
            <translation>Dieses Gebiet liegt außerhalb von {crs}: wählen Sie eines darin.</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/crs.py" />
            <source>The layer has no usable coordinate system: assign one in the layer's properties, then try again.</source>
            <translation>Der Layer hat kein brauchbares Koordinatensystem: weisen Sie ihm in den Layereigenschaften eines zu und versuchen Sie es erneut.</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/layers.py" />
            <source>This raster cannot be read: repair the layer's data source or choose another.</source>
            <translation>Dieses Raster kann nicht gelesen werden: reparieren Sie die Datenquelle des Layers oder wählen Sie einen anderen.</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/layers.py" />
            <source>The layer {name} has no coordinate system: assign one in the layer's properties, then try again.</source>
            <translation>Der Layer {name} hat kein Koordinatensystem: weisen Sie ihm in den Layereigenschaften eines zu und versuchen Sie es erneut.</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/layers.py" />
            <source>The layer {name} has no resolution of its own: say how big the things to find are, or give a GSD.</source>
            <translation>Der Layer {name} hat keine eigene Auflösung: geben Sie an, wie groß die gesuchten Dinge sind, oder nennen Sie eine Bodenauflösung.</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/layers.py" />
            <source>The layer {name} does not say where it is.</source>
            <translation>Der Layer {name} sagt nicht, wo er liegt.</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/rendering.py" />
            <source>The layer {name} did not answer in time.</source>
            <translation>Der Layer {name} hat nicht rechtzeitig geantwortet.</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/rendering.py" />
            <source>The layer {name} could not be drawn completely: check its server and the network, then try again.</source>
            <translation>Der Layer {name} konnte nicht vollständig gezeichnet werden: prüfen Sie Server und Netzwerk und versuchen Sie es erneut.</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/rendering.py" />
            <source>Drawing was stopped.</source>
            <translation>Das Zeichnen wurde angehalten.</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/report.py" />
            <source>{n} s</source>
            <translation>{n} s</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/report.py" />
            <source>{n} min</source>
            <translation>{n} min</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/report.py" />
            <source>{h} h {m} min</source>
            <translation>{h} h {m} min</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/report.py" />
            <source>{done} of {total} chips</source>
            <translation>{done} von {total} Kacheln</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/report.py" />
            <source>{n} regions</source>
            <translation>{n} Regionen</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/report.py" />
            <source>{n} chips/s</source>
            <translation>{n} Kacheln/s</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/report.py" />
            <source>{time} left</source>
            <translation>noch {time}</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/report.py" />
            <source>{new} new regions in {time}; the index has {rows} regions now.</source>
            <translation>{new} neue Regionen in {time}; der Index hat jetzt {rows} Regionen.</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/report.py" />
            <source>{n} chips had no pixels and were left out.</source>
            <translation>{n} Kacheln enthielten keine Pixel und wurden ausgelassen.</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/report.py" />
            <source>{n} chips did not arrive; run it again to fetch them.</source>
            <translation>{n} Kacheln kamen nicht an; ein weiterer Lauf holt sie.</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/report.py" />
            <source>{hits} hits among {rows} regions in {time} s</source>
            <translation>{hits} Treffer unter {rows} Regionen in {time} s</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/report.py" />
            <source>{line}; not every region was compared</source>
            <translation>{line}; nicht jede Region wurde verglichen</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/report.py" />
            <source>Probably nothing here: these are only the nearest regions.</source>
            <translation>Wahrscheinlich nichts davon hier: dies sind nur die ähnlichsten Regionen.</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/sink.py" />
            <source>The results could not be written: check that the disk is not full and that {folder} can be written.</source>
            <translation>Die Ergebnisse konnten nicht geschrieben werden: prüfen Sie, ob die Platte voll und {folder} beschreibbar ist.</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/sink.py" />
            <source>The results file {path} cannot be opened: search again.</source>
            <translation>Die Ergebnisdatei {path} kann nicht geöffnet werden: suchen Sie noch einmal.</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/tasks.py" />
            <source>{task} (stopped)</source>
            <translation>{task} (angehalten)</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/tasks.py" />
            <source>Something went wrong inside GeoLoupe: please try again; the log has the details.</source>
            <translation>In GeoLoupe ist etwas schiefgegangen: versuchen Sie es erneut; Einzelheiten stehen im Protokoll.</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/tasks.py" />
            <source>Stopped; what was done so far is kept.</source>
            <translation>Angehalten; was fertig ist, bleibt erhalten.</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/tasks.py" />
            <source>Look at {name}</source>
            <translation>{name} ansehen</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/tasks.py" />
            <source>Estimate the index</source>
            <translation>Index abschätzen</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/tasks.py" />
            <source>Index {name}</source>
            <translation>{name} indizieren</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/tasks.py" />
            <source>Search for {query}</source>
            <translation>Suche nach {query}</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/tasks.py" />
            <source>Pictures of the hits</source>
            <translation>Bilder der Treffer</translation>
        </message>
        <message>
            <location filename="../../plugin/bridge/tasks.py" />
            <source>Set up the GeoLoupe engine</source>
            <translation>GeoLoupe-Engine einrichten</translation>
        </message>
        <message>
            <location filename="../../plugin/entry.py" />
            <source>GeoLoupe</source>
            <translation>GeoLoupe</translation>
        </message>
        <message>
            <location filename="../../plugin/entry.py" />
            <source>GeoLoupe: find places in imagery by a box, by words, or by both</source>
            <translation>GeoLoupe: Orte in Bildern finden, mit einem Rahmen, mit Worten oder mit beidem</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/controller.py" />
            <source>{n} query boxes</source>
            <translation>{n} Suchrahmen</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/controller.py" />
            <source>Query box</source>
            <translation>Suchrahmen</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/controller.py" />
            <source>Query box, {size}</source>
            <translation>Suchrahmen, {size}</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/controller.py" />
            <source>This place cannot be shown in the map's coordinate system: choose another for the project.</source>
            <translation>Dieser Ort lässt sich im Koordinatensystem der Karte nicht zeigen: wählen Sie ein anderes für das Projekt.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/dock.py" />
            <source>The engine and its device</source>
            <translation>Die Engine und ihr Gerät</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/dock.py" />
            <source>Set up…</source>
            <translation>Einrichten…</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/formats.py" />
            <source>{n} km</source>
            <translation>{n} km</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/formats.py" />
            <source>{n} m</source>
            <translation>{n} m</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/formats.py" />
            <source>{w} × {h} km</source>
            <translation>{w} × {h} km</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/formats.py" />
            <source>{w} × {h} m</source>
            <translation>{w} × {h} m</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/formats.py" />
            <source>{first} and {last}</source>
            <translation>{first} und {last}</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/formats.py" />
            <source>{n} bytes</source>
            <translation>{n} Byte</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/formats.py" />
            <source>a second</source>
            <translation>eine Sekunde</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/formats.py" />
            <source>a few seconds</source>
            <translation>ein paar Sekunden</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/formats.py" />
            <source>1 min</source>
            <translation>1 min</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_panel.py" />
            <source>Index</source>
            <translation>Index</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_panel.py" />
            <source>m</source>
            <translation>m</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_panel.py" />
            <source>Object size in metres</source>
            <translation>Objektgröße in Metern</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_panel.py" />
            <source>How big the things are that you look for, in metres: about 4 for cars, 10 for houses, 40 for halls.</source>
            <translation>Wie groß die gesuchten Dinge sind, in Metern: etwa 4 für Autos, 10 für Häuser, 40 für Hallen.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_panel.py" />
            <source>Visible extent</source>
            <translation>Sichtbarer Ausschnitt</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_panel.py" />
            <source>Whole layer</source>
            <translation>Ganzer Layer</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_panel.py" />
            <source>This layer covers the whole world: show the area to index on the map.</source>
            <translation>Dieser Layer umfasst die ganze Welt: zeigen Sie das gewünschte Gebiet auf der Karte.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_panel.py" />
            <source>Extent to index</source>
            <translation>Zu indizierender Ausschnitt</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_panel.py" />
            <source>from the object size</source>
            <translation>aus der Objektgröße</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_panel.py" />
            <source>Ground sample distances in metres</source>
            <translation>Bodenauflösungen in Metern</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_panel.py" />
            <source>For experts: metres per pixel, one or more, such as 0.15 0.6. Empty: they follow from the object size.</source>
            <translation>Für Fachleute: Meter je Pixel, eine oder mehrere, etwa 0.15 0.6. Leer: sie folgen aus der Objektgröße.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_panel.py" />
            <source>Advanced</source>
            <translation>Erweitert</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_panel.py" />
            <source>What indexing would cost</source>
            <translation>Was das Indizieren kosten würde</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_panel.py" />
            <source>&amp;Index</source>
            <translation>&amp;Indizieren</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_panel.py" />
            <source>Read the imagery once, so that searches are quick. Search meanwhile; stop at any time.</source>
            <translation>Liest die Bilder einmal, damit Suchen schnell gehen. Sie können dabei suchen und jederzeit anhalten.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_panel.py" />
            <source>Progress of indexing</source>
            <translation>Fortschritt des Indizierens</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_panel.py" />
            <source>Stop</source>
            <translation>Anhalten</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_panel.py" />
            <source>Stop now. What is done is kept and can be searched.</source>
            <translation>Jetzt anhalten. Was fertig ist, bleibt und kann durchsucht werden.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_panel.py" />
            <source>&amp;GSD</source>
            <translation>&amp;Bodenauflösung</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_panel.py" />
            <source>&amp;Object size</source>
            <translation>&amp;Objektgröße</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_panel.py" />
            <source>&amp;Extent</source>
            <translation>&amp;Ausschnitt</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_panel.py" />
            <source>Cost</source>
            <translation>Kosten</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_panel.py" />
            <source>Nothing: this extent is indexed already.</source>
            <translation>Nichts: dieser Ausschnitt ist schon indiziert.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_panel.py" />
            <source>{rows} regions, {size}, about {time}</source>
            <translation>{rows} Regionen, {size}, etwa {time}</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_panel.py" />
            <source>read at {scales} per pixel</source>
            <translation>gelesen mit {scales} je Pixel</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_panel.py" />
            <source>{share} % of it is done already</source>
            <translation>{share} % davon sind schon fertig</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_panel.py" />
            <source>Starting…</source>
            <translation>Beginnt…</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_panel.py" />
            <source>{share} %</source>
            <translation>{share} %</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_panel.py" />
            <source>{share} %, {time} left</source>
            <translation>{share} %, noch {time}</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_panel.py" />
            <source>Stopping…</source>
            <translation>Hält an…</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_state.py" />
            <source>Add a raster layer to the project to begin.</source>
            <translation>Fügen Sie dem Projekt einen Rasterlayer hinzu, um zu beginnen.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_state.py" />
            <source>This layer has no coordinate system: set one in Layer ▸ Set CRS of Layer(s), then come back.</source>
            <translation>Dieser Layer hat kein Koordinatensystem: weisen Sie ihm im Menü Layer eines zu und kommen Sie dann zurück.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_state.py" />
            <source>Not indexed</source>
            <translation>Nicht indiziert</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_state.py" />
            <source>Reading the index…</source>
            <translation>Index wird gelesen…</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_state.py" />
            <source>Indexed; the engine has not been started yet</source>
            <translation>Indiziert; die Engine ist noch nicht gestartet</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_state.py" />
            <source>Made with another model that is not installed: press Index to make it again.</source>
            <translation>Mit einem anderen Modell gemacht, das nicht installiert ist: drücken Sie Indizieren, um ihn neu zu bauen.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_state.py" />
            <source>{rows} regions, {scales}</source>
            <translation>{rows} Regionen, {scales}</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_state.py" />
            <source>{rows} regions, {scales}, made with {model}</source>
            <translation>{rows} Regionen, {scales}, gemacht mit {model}</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_state.py" />
            <source>{state}; another program is still adding to it</source>
            <translation>{state}; ein anderes Programm fügt noch hinzu</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_state.py" />
            <source>{state}; not complete, press Index to go on</source>
            <translation>{state}; unvollständig, drücken Sie Indizieren, um fortzufahren</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_state.py" />
            <source>Indexing {share} %</source>
            <translation>Indiziert: {share} %</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/index_state.py" />
            <source>Indexing {share} %, {time} left</source>
            <translation>Indiziert: {share} %, noch {time}</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/indexing.py" />
            <source>Add a raster layer to the project, choose it above, then press Index.</source>
            <translation>Fügen Sie dem Projekt einen Rasterlayer hinzu, wählen Sie ihn oben und drücken Sie Indizieren.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/indexing.py" />
            <source>A GSD is a number of metres per pixel, such as 0.15: correct the line under Advanced.</source>
            <translation>Eine Bodenauflösung ist eine Zahl von Metern je Pixel, etwa 0.15: berichtigen Sie die Zeile unter Erweitert.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/indexing.py" />
            <source>The map does not show {layer}: move it there, then press Index.</source>
            <translation>Die Karte zeigt {layer} nicht: verschieben Sie sie dorthin und drücken Sie dann Indizieren.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/indexing.py" />
            <source>Counting…</source>
            <translation>Zählt…</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/indexing.py" />
            <source>{layer} is indexed: {rows} regions in {time}.</source>
            <translation>{layer} ist indiziert: {rows} Regionen in {time}.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/indexing.py" />
            <source>Stopped. {rows} regions are kept and can be searched; press Index to go on.</source>
            <translation>Angehalten. {rows} Regionen bleiben und können durchsucht werden; drücken Sie Indizieren, um fortzufahren.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/indexing.py" />
            <source>Stopped before the first regions were ready.</source>
            <translation>Angehalten, bevor die ersten Regionen fertig waren.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/indexing.py" />
            <source>nothing is indexed yet</source>
            <translation>noch ist nichts indiziert</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/indexing.py" />
            <source>{rows} regions can be searched</source>
            <translation>{rows} Regionen sind durchsuchbar</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/indexing.py" />
            <source>{n} pictures of {layer} did not arrive, {kept}: check the layer's server and the network, then press Index again.</source>
            <translation>{n} Bilder von {layer} kamen nicht an, {kept}: prüfen Sie Server und Netzwerk und drücken Sie dann erneut Indizieren.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/layer_panel.py" />
            <source>Raster layer to search</source>
            <translation>Zu durchsuchender Rasterlayer</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/layer_panel.py" />
            <source>The imagery that is indexed and searched.</source>
            <translation>Die Bilder, die indiziert und durchsucht werden.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/layer_panel.py" />
            <source>&amp;Layer</source>
            <translation>&amp;Layer</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/layer_panel.py" />
            <source>State of the index</source>
            <translation>Zustand des Index</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/messages.py" />
            <source>Messages of GeoLoupe</source>
            <translation>Meldungen von GeoLoupe</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/messages.py" />
            <source>Details</source>
            <translation>Einzelheiten</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/options_page.py" />
            <source>Choose the engine's Python</source>
            <translation>Python der Engine wählen</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/options_page.py" />
            <source>GeoLoupe's own</source>
            <translation>das eigene von GeoLoupe</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/options_page.py" />
            <source>A Python that has the engine's packages. Empty: the one that GeoLoupe installed.</source>
            <translation>Ein Python mit den Paketen der Engine. Leer: das von GeoLoupe installierte.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/options_page.py" />
            <source>Engine, indexes and models are kept here. The environment variable GEOLOUPE_HOME moves it.</source>
            <translation>Hier liegen Engine, Indizes und Modelle. Die Umgebungsvariable GEOLOUPE_HOME verlegt den Ordner.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/options_page.py" />
            <source>Open</source>
            <translation>Öffnen</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/options_page.py" />
            <source>Best available</source>
            <translation>Das beste vorhandene</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/options_page.py" />
            <source>NVIDIA graphics card (CUDA)</source>
            <translation>NVIDIA-Grafikkarte (CUDA)</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/options_page.py" />
            <source>Processor (CPU)</source>
            <translation>Prozessor (CPU)</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/options_page.py" />
            <source>Search as soon as a box is drawn</source>
            <translation>Suchen, sobald ein Rahmen gezeichnet ist</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/options_page.py" />
            <source>A change of Python or device takes effect when the engine next starts; it is restarted when you press OK.</source>
            <translation>Ein anderes Python oder Gerät gilt ab dem nächsten Start der Engine; mit OK wird sie neu gestartet.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/options_page.py" />
            <source>Engine's &amp;Python</source>
            <translation>&amp;Python der Engine</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/options_page.py" />
            <source>Folder</source>
            <translation>Ordner</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/options_page.py" />
            <source>&amp;Device</source>
            <translation>&amp;Gerät</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/options_page.py" />
            <source>&amp;Places listed at most</source>
            <translation>&amp;Höchstzahl der Orte</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/query_panel.py" />
            <source>What to find, e.g. blue metal roof</source>
            <translation>Was gesucht wird, z. B. blue metal roof</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/query_panel.py" />
            <source>What to find, in words</source>
            <translation>Was gesucht wird, in Worten</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/query_panel.py" />
            <source>Describe what to find and press Enter. With a box, the words say how the places should differ.</source>
            <translation>Beschreiben Sie auf Englisch, was gesucht wird, und drücken Sie Enter. Zusammen mit einem Rahmen sagen die Worte, wie die Orte abweichen sollen.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/query_panel.py" />
            <source>Draw a query box on the map</source>
            <translation>Einen Suchrahmen auf der Karte zeichnen</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/query_panel.py" />
            <source>Drag a box on the map around what you look for. Shift adds another box; Esc or a right click gives the map back.</source>
            <translation>Ziehen Sie auf der Karte einen Rahmen um das Gesuchte. Mit der Umschalttaste kommt ein weiterer dazu; Esc oder Rechtsklick gibt die Karte frei.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/query_panel.py" />
            <source>&amp;Search</source>
            <translation>&amp;Suchen</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/query_panel.py" />
            <source>Remove the query boxes</source>
            <translation>Suchrahmen entfernen</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/query_panel.py" />
            <source>this thing</source>
            <translation>dieses Ding</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/query_panel.py" />
            <source>its surroundings</source>
            <translation>seine Umgebung</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/query_panel.py" />
            <source>its kind</source>
            <translation>seine Art</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/query_panel.py" />
            <source>What to match in the box</source>
            <translation>Was am Rahmen zählt</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/query_panel.py" />
            <source>What the box stands for: the thing as it looks, the place it lies in, or what kind of thing it is.</source>
            <translation>Wofür der Rahmen steht: das Ding, wie es aussieht, der Ort, an dem es liegt, oder welche Art von Ding es ist.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/query_panel.py" />
            <source>&amp;Match</source>
            <translation>&amp;Vergleichen</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/query_panel.py" />
            <source>Only in the &amp;visible extent</source>
            <translation>Nur im sichtbaren &amp;Ausschnitt</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/query_panel.py" />
            <source>How many places at most</source>
            <translation>Wie viele Orte höchstens</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/query_panel.py" />
            <source>How many places to list at most</source>
            <translation>Wie viele Orte höchstens aufgelistet werden</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/query_panel.py" />
            <source>&amp;Places</source>
            <translation>&amp;Orte</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/query_panel.py" />
            <source>Searching…</source>
            <translation>Sucht…</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/results_model.py" />
            <source>{rank}: {source}, score {score}</source>
            <translation>{rank}: {source}, Wert {score}</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/results_view.py" />
            <source>What the search found</source>
            <translation>Was die Suche gefunden hat</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/results_view.py" />
            <source>Keep</source>
            <translation>Behalten</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/results_view.py" />
            <source>Keep this result layer; without it, the next search takes its place.</source>
            <translation>Diesen Ergebnislayer behalten; sonst nimmt die nächste Suche seinen Platz ein.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/results_view.py" />
            <source>Places found, best first</source>
            <translation>Gefundene Orte, der beste zuerst</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/results_view.py" />
            <source>{n} place in {rows} regions, {time}</source>
            <translation>{n} Ort in {rows} Regionen, {time}</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/results_view.py" />
            <source>{n} places in {rows} regions, {time}</source>
            <translation>{n} Orte in {rows} Regionen, {time}</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/results_view.py" />
            <source>Nothing was found here. Try other words, a wider extent or a box.</source>
            <translation>Hier wurde nichts gefunden. Versuchen Sie andere Worte, einen größeren Ausschnitt oder einen Rahmen.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/results_view.py" />
            <source>What a search finds is listed here, best first.</source>
            <translation>Was eine Suche findet, steht hier, das Beste zuerst.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/results_view.py" />
            <source>Zoom to this place</source>
            <translation>Auf diesen Ort zoomen</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/results_view.py" />
            <source>Search like this</source>
            <translation>Ähnliches suchen</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/searching.py" />
            <source>The engine is not set up yet: press Install above, then search again.</source>
            <translation>Die Engine ist noch nicht eingerichtet: drücken Sie oben Installieren und suchen Sie dann erneut.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/searching.py" />
            <source>Type what to find, or draw a box around it on the map, then search.</source>
            <translation>Tippen Sie ein, was gesucht wird, oder ziehen Sie auf der Karte einen Rahmen darum; dann suchen Sie.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/searching.py" />
            <source>Add a raster layer to the project, choose it above and index it, then search.</source>
            <translation>Fügen Sie dem Projekt einen Rasterlayer hinzu, wählen Sie ihn oben, indizieren Sie ihn und suchen Sie dann.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/searching.py" />
            <source>The first regions are still being read: search again in a moment.</source>
            <translation>Die ersten Regionen werden noch gelesen: suchen Sie gleich noch einmal.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/searching.py" />
            <source>{layer} is not indexed yet: press Index above, and search while it runs.</source>
            <translation>{layer} ist noch nicht indiziert: drücken Sie oben Indizieren und suchen Sie, während es läuft.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/searching.py" />
            <source>The box lies outside every indexed raster: draw it on the imagery, or choose the layer under it.</source>
            <translation>Der Rahmen liegt außerhalb aller indizierten Raster: zeichnen Sie ihn auf den Bildern oder wählen Sie den Layer darunter.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/searching.py" />
            <source>{n} boxes</source>
            <translation>{n} Rahmen</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/searching.py" />
            <source>box</source>
            <translation>Rahmen</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/searching.py" />
            <source>box {size}</source>
            <translation>Rahmen {size}</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/searching.py" />
            <source>surroundings of {box}</source>
            <translation>Umgebung von {box}</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/searching.py" />
            <source>kind of {box}</source>
            <translation>Art von {box}</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/searching.py" />
            <source>The first regions are not ready yet; the search follows as soon as they are.</source>
            <translation>Die ersten Regionen sind noch nicht fertig; die Suche folgt, sobald sie es sind.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/setting_up.py" />
            <source>Trying {python}…</source>
            <translation>{python} wird ausprobiert…</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/setting_up.py" />
            <source>Choose a Python 3.11 to 3.13 with the engine's packages</source>
            <translation>Ein Python 3.11 bis 3.13 mit den Paketen der Engine wählen</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/setting_up.py" />
            <source>The engine is not set up: nothing can be indexed or searched yet.</source>
            <translation>Die Engine ist nicht eingerichtet: noch kann nichts indiziert oder durchsucht werden.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/setting_up.py" />
            <source>The engine is not set up yet.</source>
            <translation>Die Engine ist noch nicht eingerichtet.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/setting_up.py" />
            <source>The engine is set up. Choose a layer and index it to begin.</source>
            <translation>Die Engine ist eingerichtet. Wählen Sie einen Layer und indizieren Sie ihn, um zu beginnen.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/setting_up.py" />
            <source>Cancelling…</source>
            <translation>Bricht ab…</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/setting_up.py" />
            <source>The engine starts with the first use.</source>
            <translation>Die Engine startet beim ersten Gebrauch.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/setting_up.py" />
            <source>Engine: {name} (CUDA)</source>
            <translation>Engine: {name} (CUDA)</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/setting_up.py" />
            <source>Engine on the CPU ({name}): {reason}</source>
            <translation>Engine auf dem Prozessor ({name}): {reason}</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/setting_up.py" />
            <source>Engine on the CPU ({name})</source>
            <translation>Engine auf dem Prozessor ({name})</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/setup_card.py" />
            <source>Set-up of the engine</source>
            <translation>Einrichten der Engine</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/setup_card.py" />
            <source>Progress of the set-up</source>
            <translation>Fortschritt des Einrichtens</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/setup_card.py" />
            <source>Install</source>
            <translation>Installieren</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/setup_card.py" />
            <source>Download and install the engine into its own folder; QGIS's Python is not touched.</source>
            <translation>Lädt die Engine herunter und installiert sie in einen eigenen Ordner; das Python von QGIS bleibt unberührt.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/setup_card.py" />
            <source>Use my Python…</source>
            <translation>Mein Python nehmen…</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/setup_card.py" />
            <source>Choose a Python 3.11 to 3.13 that already has the packages; nothing is installed into it.</source>
            <translation>Wählen Sie ein Python 3.11 bis 3.13, das die Pakete schon hat; es wird nichts darin installiert.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/setup_card.py" />
            <source>Not now</source>
            <translation>Nicht jetzt</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/setup_card.py" />
            <source>Cancel</source>
            <translation>Abbrechen</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/setup_card.py" />
            <source>One step before the first search</source>
            <translation>Ein Schritt vor der ersten Suche</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/setup_card.py" />
            <source>GeoLoupe reads and searches imagery in an engine of its own, beside QGIS. It is not installed yet: {download} to download, {disk} on disk in {place}, about {time}. Your imagery never leaves this machine.</source>
            <translation>GeoLoupe liest und durchsucht Bilder in einer eigenen Engine neben QGIS. Sie ist noch nicht installiert: {download} herunterzuladen, {disk} auf der Platte in {place}, etwa {time}. Ihre Bilder verlassen diesen Rechner nie.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/setup_card.py" />
            <source>No fitting Python was found, so one is downloaded too.</source>
            <translation>Es fand sich kein passendes Python, daher wird auch eines heruntergeladen.</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/setup_card.py" />
            <source>Setting up the engine</source>
            <translation>Die Engine wird eingerichtet</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/setup_card.py" />
            <source>The engine is not ready</source>
            <translation>Die Engine ist nicht bereit</translation>
        </message>
        <message>
            <location filename="../../plugin/gui/setup_card.py" />
            <source>Try again</source>
            <translation>Noch einmal</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/algorithm.py" />
            <source>{problem} Set the engine up in the GeoLoupe panel of QGIS; without a window, run `make engine` in the plugin's folder or set GEOLOUPE_PYTHON to a Python that has its packages.</source>
            <translation>{problem} Richten Sie die Engine im GeoLoupe-Bedienfeld von QGIS ein; ohne Fenster führen Sie `make engine` im Ordner der Erweiterung aus oder setzen GEOLOUPE_PYTHON auf ein Python mit ihren Paketen.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/build_index.py" />
            <source>Build index</source>
            <translation>Index aufbauen</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/build_index.py" />
            <source>Makes rasters searchable by words and by regions. An encoder sees every part of them once, and its vectors are kept in a folder on this computer. Running it again on the same folder adds what is missing: a run that was stopped goes on where it was.</source>
            <translation>Macht Raster nach Wörtern und Regionen durchsuchbar. Ein Encoder sieht jeden Teil einmal an; seine Vektoren bleiben in einem Ordner auf diesem Rechner. Ein weiterer Lauf mit demselben Ordner ergänzt, was fehlt: ein angehaltener Lauf macht dort weiter, wo er war.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/build_index.py" />
            <source>Raster layers</source>
            <translation>Rasterlayer</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/build_index.py" />
            <source>One raster or several. Layers from the web (XYZ, WMS) are drawn by QGIS and need an extent.</source>
            <translation>Ein Raster oder mehrere. Layer aus dem Netz (XYZ, WMS) zeichnet QGIS; sie brauchen einen Ausschnitt.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/build_index.py" />
            <source>Folder of rasters</source>
            <translation>Ordner mit Rastern</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/build_index.py" />
            <source>Every raster file in this folder and its sub-folders is indexed too. A file that cannot be read is left out.</source>
            <translation>Auch jede Rasterdatei in diesem Ordner und seinen Unterordnern wird indiziert. Was nicht gelesen werden kann, wird ausgelassen.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/build_index.py" />
            <source>Size of the things to find (metres)</source>
            <translation>Größe der gesuchten Dinge (Meter)</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/build_index.py" />
            <source>About how long the things are that will be looked for: 4 for cars, 10 for houses, 100 for sports grounds.</source>
            <translation>Wie lang die gesuchten Dinge etwa sind: 4 für Autos, 10 für Häuser, 100 für Sportplätze.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/build_index.py" />
            <source>Pixel sizes (metres, separated by commas)</source>
            <translation>Pixelgrößen (Meter, mit Kommas getrennt)</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/build_index.py" />
            <source>For experts: read the rasters at these ground pixel sizes instead of those that follow from the size of things.</source>
            <translation>Für Fachleute: liest die Raster mit diesen Pixelgrößen am Boden statt mit denen, die aus der Größe der Dinge folgen.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/build_index.py" />
            <source>Extent</source>
            <translation>Ausschnitt</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/build_index.py" />
            <source>Index only what lies in this extent. Other parts can be added later.</source>
            <translation>Nur indizieren, was in diesem Ausschnitt liegt. Andere Teile können später dazukommen.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/build_index.py" />
            <source>Encoder</source>
            <translation>Encoder</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/build_index.py" />
            <source>Which encoder makes the vectors: its id. An index belongs to one encoder.</source>
            <translation>Welcher Encoder die Vektoren macht: seine Kennung. Ein Index gehört zu einem Encoder.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/build_index.py" />
            <source>Overlapping regions</source>
            <translation>Überlappende Regionen</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/build_index.py" />
            <source>Regions overlap by half, so that nothing is cut in two. Without it the index is much smaller, and worse.</source>
            <translation>Regionen überlappen sich zur Hälfte, damit nichts zerschnitten wird. Ohne das ist der Index viel kleiner und schlechter.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/build_index.py" />
            <source>Index folder</source>
            <translation>Indexordner</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/build_index.py" />
            <source>The folder of the index, best with a name that ends in .geoloupe. One that exists is continued.</source>
            <translation>Der Ordner des Index, am besten mit einem Namen auf .geoloupe. Ein vorhandener wird fortgesetzt.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/build_index.py" />
            <source>Regions in the index</source>
            <translation>Regionen im Index</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/build_index.py" />
            <source>New regions</source>
            <translation>Neue Regionen</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/build_index.py" />
            <source>Chips read</source>
            <translation>Gelesene Kacheln</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/build_index.py" />
            <source>Seconds</source>
            <translation>Sekunden</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/build_index.py" />
            <source>There is no raster to index: choose a layer or a folder of rasters.</source>
            <translation>Es gibt kein Raster zum Indizieren: wählen Sie einen Layer oder einen Ordner mit Rastern.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/build_index.py" />
            <source>Indexing {n} rasters</source>
            <translation>{n} Raster werden indiziert</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/build_index.py" />
            <source>Give the pixel sizes in metres, separated by commas, for example 0.3, 0.6.</source>
            <translation>Geben Sie die Pixelgrößen in Metern an, mit Kommas getrennt, zum Beispiel 0.3, 0.6.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/build_index.py" />
            <source>The layer {name} covers too much to index as a whole: give an extent.</source>
            <translation>Der Layer {name} ist zu groß, um ganz indiziert zu werden: geben Sie einen Ausschnitt an.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_algorithm.py" />
            <source>The folder that Build index made. It can be searched while it is still being built.</source>
            <translation>Der Ordner, den Index aufbauen gemacht hat. Er kann durchsucht werden, während er noch wächst.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_algorithm.py" />
            <source>How many regions</source>
            <translation>Wie viele Regionen</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_algorithm.py" />
            <source>At most this many regions are returned for a query, best first.</source>
            <translation>Höchstens so viele Regionen je Suche, die besten zuerst.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_algorithm.py" />
            <source>Only regions in this extent are returned.</source>
            <translation>Nur Regionen in diesem Ausschnitt.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_algorithm.py" />
            <source>Lowest score</source>
            <translation>Kleinster Wert</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_algorithm.py" />
            <source>Regions with a lower score are left out. Scores of different queries cannot be compared well.</source>
            <translation>Regionen mit einem kleineren Wert fallen weg. Werte verschiedener Suchen sind schlecht vergleichbar.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_algorithm.py" />
            <source>Found regions</source>
            <translation>Gefundene Regionen</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_algorithm.py" />
            <source>The regions as polygons with rank, score, source, query, model, pixel size, date and index, and their window x0, y0, x1, y1 in pixels of the source.</source>
            <translation>Die Regionen als Polygone mit Rang, Wert, Quelle, Suche, Modell, Pixelgröße, Datum und Index und ihrem Fenster x0, y0, x1, y1 in Pixeln der Quelle.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_algorithm.py" />
            <source>Regions found</source>
            <translation>Gefundene Regionen (Anzahl)</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_algorithm.py" />
            <source>Whether it is probably there</source>
            <translation>Ob es wahrscheinlich da ist</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_algorithm.py" />
            <source>What the search says of its result</source>
            <translation>Was die Suche zu ihrem Ergebnis sagt</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_algorithm.py" />
            <source>The found regions could not be written: check that the disk is not full.</source>
            <translation>Die gefundenen Regionen konnten nicht geschrieben werden: prüfen Sie, ob die Platte voll ist.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_regions.py" />
            <source>Search by regions</source>
            <translation>Suche nach Regionen</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_regions.py" />
            <source>Finds regions of indexed rasters that are like the polygons of a layer, best first. The polygons show examples on a raster; words may be added. They make one query together, or one each.</source>
            <translation>Findet Regionen indizierter Raster, die den Polygonen eines Layers ähneln, die besten zuerst. Die Polygone zeigen Beispiele auf einem Raster; Worte können dazukommen. Sie bilden zusammen eine Suche oder je eine.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_regions.py" />
            <source>Example regions</source>
            <translation>Beispielregionen</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_regions.py" />
            <source>Polygons around examples of what to find, in any coordinate system. Only the selected ones if that is ticked.</source>
            <translation>Polygone um Beispiele des Gesuchten, in jedem Koordinatensystem. Nur die gewählten, wenn das angekreuzt ist.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_regions.py" />
            <source>Raster under the regions</source>
            <translation>Raster unter den Regionen</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_regions.py" />
            <source>The raster on which the polygons were drawn; it need not be in the index.</source>
            <translation>Das Raster, auf dem die Polygone gezeichnet wurden; es muss nicht im Index sein.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_regions.py" />
            <source>Words</source>
            <translation>Worte</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_regions.py" />
            <source>Words that change or narrow what the regions show, for example: blue.</source>
            <translation>Englische Worte, die ändern oder einengen, was die Regionen zeigen, zum Beispiel: blue.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_regions.py" />
            <source>What to match</source>
            <translation>Was zählt</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_regions.py" />
            <source>Its kind</source>
            <translation>Seine Art</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_regions.py" />
            <source>Its surroundings</source>
            <translation>Seine Umgebung</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_regions.py" />
            <source>This thing</source>
            <translation>Dieses Ding</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_regions.py" />
            <source>What counts in a region: the thing as it looks, the place it lies in, or what kind of thing it is.</source>
            <translation>Was an einer Region zählt: das Ding, wie es aussieht, der Ort, an dem es liegt, oder welche Art von Ding es ist.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_regions.py" />
            <source>Queries</source>
            <translation>Suchen</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_regions.py" />
            <source>One query for each region</source>
            <translation>Eine Suche für jede Region</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_regions.py" />
            <source>One query of all regions</source>
            <translation>Eine Suche aus allen Regionen</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_regions.py" />
            <source>Whether the regions are examples of one thing, or each is searched for; query_id is then the feature's id.</source>
            <translation>Ob die Regionen Beispiele einer Sache sind oder jede für sich gesucht wird; query_id ist dann die Kennung des Objekts.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_regions.py" />
            <source>Leave out the example regions themselves</source>
            <translation>Die Beispielregionen selbst auslassen</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_regions.py" />
            <source>The nearest region to an example is itself; untick this to see it among the found regions.</source>
            <translation>Die ähnlichste Region eines Beispiels ist es selbst; ohne Haken steht es unter den gefundenen.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_regions.py" />
            <source>What to leave out</source>
            <translation>Was ausgelassen wird</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_regions.py" />
            <source>Words for what the regions should not be like.</source>
            <translation>Englische Worte dafür, wie die Regionen nicht sein sollen.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_regions.py" />
            <source>Instruction</source>
            <translation>Anweisung</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_regions.py" />
            <source>A sentence that tells the encoder how to understand the query; it replaces what What to match says.</source>
            <translation>Ein Satz, der dem Encoder sagt, wie die Suche gemeint ist; er ersetzt, was unter Was zählt steht.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_regions.py" />
            <source>Choose the raster on which the example regions lie.</source>
            <translation>Wählen Sie das Raster, auf dem die Beispielregionen liegen.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_regions.py" />
            <source>The example regions have no coordinate system: assign one in the layer's properties, then try again.</source>
            <translation>Die Beispielregionen haben kein Koordinatensystem: weisen Sie ihm in den Layereigenschaften eines zu und versuchen Sie es erneut.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_regions.py" />
            <source>There are no example regions: draw or select at least one polygon.</source>
            <translation>Es gibt keine Beispielregionen: zeichnen oder wählen Sie mindestens ein Polygon.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_regions.py" />
            <source>{n} regions are too many for one query: select at most {most}, or make one query for each.</source>
            <translation>{n} Regionen sind zu viele für eine Suche: wählen Sie höchstens {most} oder suchen Sie nach jeder einzeln.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_regions.py" />
            <source>Region {id}: {problem}</source>
            <translation>Region {id}: {problem}</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_regions.py" />
            <source>region {id}</source>
            <translation>Region {id}</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_regions.py" />
            <source>surroundings of {what}</source>
            <translation>Umgebung von {what}</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_regions.py" />
            <source>kind of {what}</source>
            <translation>Art von {what}</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_text.py" />
            <source>Search by text</source>
            <translation>Suche nach Text</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_text.py" />
            <source>Finds the regions of indexed rasters that match some words, best first. The score says how near a region is to the words; if what was asked for is probably not there, the log says so above the nearest regions.</source>
            <translation>Findet die Regionen indizierter Raster, die zu einigen Worten passen, die besten zuerst. Der Wert sagt, wie nah eine Region den Worten ist; ist das Gesuchte wahrscheinlich nicht da, sagt es das Protokoll über den ähnlichsten Regionen.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_text.py" />
            <source>What to find</source>
            <translation>Was gesucht wird</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_text.py" />
            <source>Words for what to find, in English, for example: blue metal roof.</source>
            <translation>Worte für das Gesuchte, auf Englisch, zum Beispiel: blue metal roof.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_text.py" />
            <source>A sentence that tells the encoder how to understand the query; most encoders need none.</source>
            <translation>Ein Satz, der dem Encoder sagt, wie die Suche gemeint ist; die meisten Encoder brauchen keinen.</translation>
        </message>
        <message>
            <location filename="../../plugin/processing/search_by_text.py" />
            <source>Type what to find: the query is empty.</source>
            <translation>Tippen Sie ein, was gesucht wird: die Suche ist leer.</translation>
        </message>
    </context>
</TS>
