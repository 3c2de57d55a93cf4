"""`siamfc completion`."""

from typing import Literal

from siamfc.cli.parameters import Flag
from siamfc.cli.verbs import VERBS


def completion(shell: Literal["bash", "zsh", "fish"], /, *, install: Flag = False) -> int:
    """Print or install shell completion.

    By default, print the shell's script. With --install, write it to its place and register it in
    the shell's start-up file; new shells then use it.

    Parameters
    ----------
    shell
        The shell to complete in.
    install
        Install it instead of printing it.
    """
    from cyclopts import App

    app = App(name="siamfc", help_format="markdown")
    for verb in VERBS:
        app.command(f"siamfc.cli.{verb.name}:{verb.name}", name=verb.name)
    if install:
        path = app.install_completion(shell=shell)
        print(f"installed: {path}; open a new shell to use it")
        if shell == "zsh":
            print("if completion does not work, add to ~/.zshrc: autoload -Uz compinit && compinit")
    else:
        print(app.generate_completion(shell=shell).rstrip())
    return 0
