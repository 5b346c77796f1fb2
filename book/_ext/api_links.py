"""Names of the library in the text, as `salt_lib.salt.augment`, become links to the API reference.

In the notebooks they are plain code, which any viewer shows; a role would stay raw in JupyterLab.
"""

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.nodes import make_refnode

NAME = re.compile(r"salt_lib(\.\w+)+")


def link(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Wrap each name that the reference has in a link to it."""
    known = app.env.get_domain("py").data["objects"]
    for literal in list(doctree.findall(nodes.literal)):
        name = literal.astext()
        linked = isinstance(literal.parent, (nodes.reference, nodes.title))
        if linked or not NAME.fullmatch(name) or name not in known:
            continue
        to = known[name]
        node = make_refnode(app.builder, docname, to.docname, to.node_id, literal.deepcopy(), name)
        literal.replace_self(node)


def setup(app: Sphinx) -> dict[str, bool]:
    """What Sphinx calls."""
    app.connect("doctree-resolved", link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
