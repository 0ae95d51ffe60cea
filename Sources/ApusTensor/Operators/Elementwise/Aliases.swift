// Elementwise operators under the other names that PyTorch has for them.

extension Operator {
    static let elementwiseAliases: [Operator] =
        [
            ("absolute", abs), ("negative", neg), ("arccos", acos), ("arccosh", acosh), ("arcsin", asin), ("arcsinh", asinh),
            ("arctan", atan),
            ("arctanh", atanh), ("fix", trunc), ("special_exp2", exp2), ("special_expm1", expm1), ("special_log1p", log1p),
            ("special_erfc", erfc), ("conj_physical", conj),
        ].map { alias("aten::\($0)(Tensor self) -> Tensor", of: $1) }
        + [
            ("multiply", OperatorPair(tensor: mulTensor, scalar: mulScalar)), ("greater", gt), ("greater_equal", ge), ("less", lt),
            ("less_equal", le), ("not_equal", ne),
        ].flatMap {
            name, pair in
            [
                alias("aten::\(name).Tensor(Tensor self, Tensor other) -> Tensor", of: pair.tensor),
                alias("aten::\(name).Scalar(Tensor self, Scalar other) -> Tensor", of: pair.scalar),
            ]
        } + [
            alias("aten::subtract.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor", of: subTensor),
            alias("aten::subtract.Scalar(Tensor self, Scalar other, Scalar alpha=1) -> Tensor", of: subScalar),
            alias("aten::divide.Tensor(Tensor self, Tensor other) -> Tensor", of: divTensor),
            alias("aten::divide.Scalar(Tensor self, Scalar other) -> Tensor", of: divScalar),
            alias("aten::divide.Tensor_mode(Tensor self, Tensor other, *, str? rounding_mode) -> Tensor", of: divTensorMode),
            alias("aten::divide.Scalar_mode(Tensor self, Scalar other, *, str? rounding_mode) -> Tensor", of: divScalarMode),
            alias("aten::arctan2(Tensor self, Tensor other) -> Tensor", of: atan2),
            alias("aten::special_xlogy(Tensor self, Tensor other) -> Tensor", of: xlogy),
        ]
}
