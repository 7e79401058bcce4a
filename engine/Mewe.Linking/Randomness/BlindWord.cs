namespace Mewe.Linking.Randomness;

/// <summary>
/// The global that blinded variants take their randomness from. It is a word of its own: variants step it themselves, and neither they nor who sees their operands learn anything of the generator's
/// state from it. Whatever seeds the generator seeds it too; where nothing does (the host chooses, or nothing is chosen) it starts with a constant of the build.
/// </summary>
/// <param name="Global">Its index.</param>
/// <param name="Constant">What it starts with.</param>
internal sealed record BlindWord(uint Global, ulong Constant)
{
    /// <summary>Its name in the module.</summary>
    public const string Name = "mewe.blind";
}
