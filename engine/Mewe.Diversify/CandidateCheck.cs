namespace Mewe.Diversify;

/// <summary>Validates candidates before anybody sees them.</summary>
internal sealed class CandidateCheck(FunctionInput function)
{
    /// <summary>What is wrong with a candidate, or null.</summary>
    public string? Error(VariantCode candidate)
    {
        if (candidate.Code.LocalCount + function.Type.Parameters.Length > Wasm.Limits.MaxLocals)
        {
            return "too many locals";
        }

        return null;
    }
}
