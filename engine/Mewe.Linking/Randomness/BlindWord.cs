namespace Mewe.Linking.Randomness;

/// <summary>
/// The global that blinded variants take their randomness from. It is a word of its own, which variants step themselves, so it does not disturb the generator. Whatever seeds the generator seeds it too: with
/// bytes of its own from WASI, with draws of the cipher, or, for the fast generator whose caller gives one number, with a function of that number which is not easily undone (that generator is not
/// cryptographic, and neither is this). Where nothing seeds (the host chooses, or nothing is chosen) it starts with a constant of the build.
/// </summary>
/// <param name="Global">Its index.</param>
/// <param name="Constant">What it starts with.</param>
internal sealed record BlindWord(uint Global, ulong Constant)
{
    /// <summary>Its name in the module.</summary>
    public const string Name = "mewe.blind";
}
