"""JupyterLab in a container: a user's own settings win, but it never runs without a token or password."""

from jupyter_server.auth.identity import PasswordIdentityProvider
from traitlets import TraitError, validate
from traitlets.config import get_config


class TokenProvider(PasswordIdentityProvider):
    """Refuses the empty token, which would let in everybody who reaches the port."""

    @validate("token")
    def _not_empty(self, proposal):
        token = proposal["value"]
        if not token.strip() and not self.hashed_password:
            raise TraitError("an empty token would switch authentication off; without the setting, one is made")
        return token


c = get_config()
c.ServerApp.identity_provider_class = TokenProvider
c.ServerApp.ip = "0.0.0.0"
c.ServerApp.port = 8888
c.ServerApp.port_retries = 0  # another port would not be the one that is published
c.ServerApp.open_browser = False
c.ServerApp.root_dir = "/workspace"
