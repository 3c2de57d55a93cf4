"""`siamfc completion`."""

from typing import Literal

from siamfc.cli.parameters import Flag
from siamfc.cli.verbs import VERBS


def completion(shell: Literal["bash", "zsh", "fish"], /, *, install: Flag = False) -> int:
    """Print or install shell completion.

    Prints the shell's script, for wherever your shell looks for such; with --install it is put
    there and the shell's start-up file told, for shells that are opened from then on.

    Parameters
    ----------
    shell
        Which shell it is for.
    install
        Put it in place instead of printing it.
    """
    from cyclopts import App

    app = App(name="siamfc", help_format="markdown")
    for verb in VERBS:
        app.command(f"siamfc.cli.{verb.name}:{verb.name}", name=verb.name)
    if install:
        path = app.install_completion(shell=shell)
        print(f"installed: {path}; open a new shell to use it")
        if shell == "zsh":
            print(
                "if nothing is completed there, ~/.zshrc lacks: autoload -Uz compinit && compinit"
            )
    else:
        print(app.generate_completion(shell=shell).rstrip())
    return 0
