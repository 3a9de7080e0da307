"""onnxruntime's names of what optimises a graph, as ``disabled_optimizers`` takes them.

Its Python interface lists none. Its verbose log names every transformer of a graph, but not the rules that its
transformers by rules hold. These are those of onnxruntime 1.31; what an installed version does not know it ignores.
"""

RULES = (
    *("CastChainElimination", "CastElimination", "ClipQuantRewrite", "ConvAddFusion", "ConvBNFusion", "ConvMulFusion"),
    *("DivMulFusion", "EliminateDropout", "EliminateIdentity", "EliminateSlice", "ExpandElimination", "FuseReluClip"),
    *("GemmSumFusion", "GemmTransposeFusion", "LabelEncoderFusion", "MatMul_BatchNormalization_Fusion"),
    *("NoopElimination", "NotWhereFusion", "Pad_Fusion", "PreShapeNodeElimination", "ReluQuantRewrite"),
    *("UnsqueezeElimination", "Level1_RuleBasedTransformer", "Level2_RuleBasedTransformer"),
)
TRANSFORMERS = (
    *("AttentionFusion", "BiasDropoutFusion", "BiasGeluFusion", "BiasSkipLayerNormFusion", "BiasSoftmaxFusion"),
    *("CommonSubexpressionElimination", "ConstantFolding", "ConstantSharing", "ConvActivationFusion"),
    *("ConvAddActivationFusion", "DoubleQDQPairsRemover", "DynamicQuantizeMatMulFusion", "EmbedLayerNormFusion"),
    *("EnsureUniqueDQForNodeUnit", "FastGeluFusion", "GatherSliceToSplitFusion", "GatherToSliceFusion"),
    *("GeluFusionL1", "GeluFusionL2", "GemmActivationFusion", "GroupQueryAttentionFusion"),
    *("GroupQueryAttentionPreNormFusion", "LayerNormFusionL1", "LayerNormFusionL2", "MatMulActivationFusion"),
    *("MatMulAddFusion", "MatMulIntegerToFloatFusion", "MatMulNBitsFusion", "MatMulScaleFusion"),
    *("MatmulTransposeFusion", "NchwcTransformer", "NhwcTransformer", "QDQFinalCleanupTransformer"),
    *("QDQPropagationTransformer", "QDQS8ToU8Transformer", "QDQSelectorActionTransformer", "QuickGeluFusion"),
    *("ReshapeFusion", "SimplifiedLayerNormFusion", "SkipLayerNormFusion", "SliceConcatToSpaceToDepthFusion"),
    *("TransposeOptimizer", "WeightBiasQuantization", "WhereDummyDq"),
)
NAMES = (*RULES, *TRANSFORMERS)
