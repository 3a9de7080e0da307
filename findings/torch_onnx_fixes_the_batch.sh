#!/usr/bin/env bash
# torch.onnx.export returns a file of one batch although the batch was asked to be dynamic.
#
# Seen with torch 2.13.0 and onnxscript 0.7.2. The forward holds x.reshape(len(x), -1). torch.export.export with
# Dim("batch") refuses it: "Constraints violated (batch)". torch.onnx.export(dynamo=True) with the same dynamic_shapes
# tries again by other means, raises nothing, and writes an input whose first axis is 2, the batch of the example.
# Output seen: "torch.export: UserError" and "torch.onnx.export: first axis 2".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 onnxscript==0.7.2 onnx==1.23.2 numpy==2.4.6
"$folder/venv/bin/python" - 2>/dev/null <<'PYTHON'
import torch


class Flat(torch.nn.Module):
    def forward(self, x):
        return x.reshape(len(x), -1)


batch = ({0: torch.export.Dim("batch")},)
example = (torch.zeros(2, 3, 4),)
try:
    torch.export.export(Flat(), example, dynamic_shapes=batch)
    refused = "nothing"
except Exception as error:
    refused = type(error).__name__
print("torch.export:", refused)
program = torch.onnx.export(Flat(), example, dynamo=True, dynamic_shapes=batch, verbose=False)
axis = program.model_proto.graph.input[0].type.tensor_type.shape.dim[0]
print("torch.onnx.export: first axis", axis.dim_param or axis.dim_value)
assert refused == "UserError" and axis.dim_value == 2, "the behaviour has changed"
PYTHON
