"""Class activation maps: where in the image a finding's logit comes from.

ChestX-ray8, section 3.2: the activations of the transition layer are multiplied by the weights of
the prediction layer and summed over the depth; large values mark the finding's place. (Zhou et
al., CVPR 2016, equation 2. With average pooling the mean of a map plus the bias is the logit;
with max and LSE pooling the maps are the same construction, but no longer add up to it.)
"""

from __future__ import annotations

from torch import Tensor


def class_activation_maps(activations: Tensor, weight: Tensor) -> Tensor:
    """Return a map of every image and finding.

    Parameters
    ----------
    activations
        Shape ``(b, D, S, S)``: ``Classifier.activations(x)``.
    weight
        Shape ``(k, D)``: ``Classifier.prediction.weight``.

    Returns
    -------
    Tensor
        Shape ``(b, k, S, S)``, in float32 at least, not scaled: `heatmap.to_grey` does.

    Raises
    ------
    ValueError
        If the depths differ.
    """
    if activations.ndim != 4 or weight.ndim != 2 or activations.shape[1] != weight.shape[1]:
        raise ValueError(
            f"activations {tuple(activations.shape)} and weight {tuple(weight.shape)} must be "
            "(b, D, S, S) and (k, D) with one D"
        )
    wide = activations if activations.element_size() >= 4 else activations.float()
    images, depth, rows, columns = wide.shape
    flat = wide.reshape(images, depth, rows * columns)
    return (weight.to(wide.dtype) @ flat).reshape(images, len(weight), rows, columns)
