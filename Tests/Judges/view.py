"""A temporary view of an artefact, by symbolic links, with our remote-code files in it. The artefact is not touched."""
import os
import shutil

# The remote code stands in the checkpoint that is part of the repository.
CODE = os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "..", "Fixtures", "checkpoints", "ling-tiny-icd")
CONFIGURATION, MODEL = "configuration_bailing_moe_v2.py", "modeling_bailing_moe_v2.py"


def view_with_code(artefact, folder, model_too):
    """Links every file; our configuration class only where the artefact has none, our model always if asked.

    The two come together when the model is asked for: ours reads ours.
    """
    for name in sorted(os.listdir(artefact)):
        path = os.path.abspath(os.path.join(artefact, name))
        if os.path.isfile(path) and not (model_too and name in (CONFIGURATION, MODEL)):
            os.symlink(path, os.path.join(folder, name))
    for name in (CONFIGURATION, MODEL) if model_too else (CONFIGURATION,):
        if not os.path.lexists(os.path.join(folder, name)):
            shutil.copyfile(os.path.join(CODE, name), os.path.join(folder, name))
